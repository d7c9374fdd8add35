"""Answer files of all installers: golden files, and what each installer's reader says of them."""

import dataclasses
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from lxml import etree
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

from install_examples import FULL, KEY, KEY_2, MIRROR, PLAIN, SISTERS, TREE
from install_schema import AUTOINSTALL
from nestlab.errors import UsageError
from nestlab.install.answers import DONE, FILE_SYSTEMS, Answers, Mirror, checked, read_keys
from nestlab.install.family import Source, family_of, known
from nestlab.install.finish import script
from nestlab.units import GIB, MIB

GOLDEN = Path(__file__).parent.parent / "golden" / "install"

FILES: dict[str, tuple[str, Answers, Source]] = {
    "debian-plain.cfg": ("debian", dataclasses.replace(PLAIN, mirror=MIRROR), TREE),
    "debian-full.cfg": ("debian", dataclasses.replace(FULL, mirror=MIRROR), TREE),
    "fedora-plain.ks": ("fedora", PLAIN, TREE),
    "fedora-full.ks": ("fedora", FULL, TREE),
    "rocky-sisters.ks": ("rocky", dataclasses.replace(FULL, filesystem="xfs"), SISTERS),
    "rocky-cd.ks": ("rocky", PLAIN, Source(None)),
    "ubuntu-plain.yaml": ("ubuntu", PLAIN, Source(None)),
    "ubuntu-full.yaml": (
        "ubuntu",
        dataclasses.replace(FULL, mirror=Mirror("http://10.0.2.2:4711/secret/mirror")),
        Source(None),
    ),
    "opensuse-plain.xml": ("opensuse", PLAIN, TREE),
    "opensuse-full.xml": ("opensuse", FULL, TREE),
}
VERSIONS = {
    "fedora": ("F38", "F40", "F41", "F42"),
    "rocky": ("RHEL8", "RHEL9", "RHEL10"),
}


def written(name: str) -> str:
    system, answers, source = FILES[name]
    return family_of(system).write(answers, source)


@pytest.mark.parametrize("name", FILES)
def test_the_answer_file_is_the_golden_one(name: str) -> None:
    assert written(name) == (GOLDEN / name).read_text("utf-8")


@pytest.mark.parametrize("name", FILES)
def test_every_file_ends_with_the_same_script(name: str) -> None:
    """Each line of it is there, in whatever way the format writes a line."""
    _, answers, _ = FILES[name]
    found = scripts_in(name)
    assert found == script(answers)


def scripts_in(name: str) -> str:
    """The last script, read out of the file as its installer reads it."""
    text = written(name)
    if name.endswith(".ks"):
        return text.partition("%post --erroronfail\n")[2].rpartition("%end\n")[0]
    if name.endswith(".yaml"):
        command = yaml.safe_load(text)["autoinstall"]["late-commands"][-1]
        assert command[:-1] == ["curtin", "in-target", "--", "sh", "-c"]
        return str(command[-1])
    if name.endswith(".xml"):
        found = etree.fromstring(text.encode()).findtext(".//{*}source")
        return str(found)
    joined = text.replace("\\\n", "")
    command = joined.partition("preseed/late_command string ")[2].partition(">/target")[0]
    echoed = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True)
    return echoed.stdout


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".ks")])
def test_pykickstart_takes_it(name: str) -> None:
    for version in VERSIONS[FILES[name][0]]:
        handler = makeVersion(version)
        parser = KickstartParser(handler)
        parser.readKickstartFromString(written(name))
        assert [user.name for user in handler.user.userList] == ["lab"]
        assert handler.rootpw.lock
        assert all(user.lock and not user.password for user in handler.user.userList)
        last = [part for part in handler.partition.partitions if part.grow]
        assert last == handler.partition.partitions[-1:]
        assert handler.packages.packageList


def test_pykickstart_finds_a_mistake() -> None:
    """So that the test above can fail."""
    parser = KickstartParser(makeVersion("RHEL9"))
    with pytest.raises(Exception, match="rootpwd"):
        parser.readKickstartFromString(written("rocky-cd.ks").replace("rootpw ", "rootpwd "))


@pytest.mark.skipif(
    not shutil.which("debconf-set-selections"), reason="there is no debconf-set-selections here"
)
@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("debian")])
def test_debconf_takes_it(name: str, tmp_path: Path) -> None:
    file = tmp_path / "preseed.cfg"
    file.write_text(written(name))
    argv = ["debconf-set-selections", "--checkonly", str(file)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("ubuntu")])
def test_autoinstall_follows_its_reference(name: str) -> None:
    text = written(name)
    assert text.startswith("#cloud-config\n")
    document = yaml.safe_load(text)
    assert list(document) == ["autoinstall"]
    errors = list(Draft202012Validator(AUTOINSTALL).iter_errors(document["autoinstall"]))
    assert errors == []
    storage = document["autoinstall"]["storage"]["config"]
    partitions = [each for each in storage if each["type"] == "partition"]
    assert [each["size"] for each in partitions if each["size"] == -1] == [partitions[-1]["size"]]


def test_the_schema_refuses_what_the_reference_does_not_have() -> None:
    document: dict[str, Any] = yaml.safe_load(written("ubuntu-plain.yaml"))["autoinstall"]
    for wrong in (
        {**document, "late_commands": []},
        {**document, "version": 2},
        {**document, "identity": {"username": "lab"}},
        {**document, "shutdown": "halt"},
    ):
        assert list(Draft202012Validator(AUTOINSTALL).iter_errors(wrong)) != []


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("opensuse")])
def test_autoyast_is_well_formed_and_typed(name: str) -> None:
    root = etree.fromstring(written(name).encode())
    config = "{http://www.suse.com/1.0/configns}type"
    for element in root.iter():
        kind = element.get(config)
        if kind == "boolean":
            assert element.text in {"true", "false"}
        elif kind == "integer":
            assert (element.text or "").isdecimal()
        elif kind == "list":
            assert len({child.tag for child in element}) == 1
        else:
            assert kind in {None, "symbol"}
    sizes = [size.text for size in root.iterfind(".//{*}partition/{*}size")]
    assert sizes.count("max") == 1
    assert sizes[-1] == "max"
    assert root.findtext(".//{*}mode/{*}halt") == "true"


@pytest.mark.parametrize("name", FILES)
def test_no_file_has_a_password(name: str) -> None:
    text = written(name).lower()
    assert "$6$" not in text
    assert "$y$" not in text
    for line in text.splitlines():
        if "password" in line and "allow-pw" not in line:
            value = line.replace("'", "").replace("</user_password>", "").split()[-1]
            assert value.rpartition(">")[2] in {"!", "scripts"}, line


def test_the_script_is_one_for_sh() -> None:
    """It has no quote or backslash that a format would need to hide."""
    text = script(dataclasses.replace(FULL, mirror=MIRROR))
    assert not set(text) & {"\\", "'", "%", "\t", "\r"}
    done = subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert text.splitlines()[-1] == f'echo "{DONE}" >/dev/console'


# --- what can be answered -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"hostname": "Web"},
        {"hostname": "web 1"},
        {"hostname": ""},
        {"user": "root"},
        {"user": "la b"},
        {"user": "_lab"},
        {"user": "lab;reboot"},
        {"packages": ("vim; reboot",)},
        {"packages": ("-y",)},
        {"packages": ("%end",)},
        {"keys": ("ssh-ed25519 AAAA",)},
        {"keys": (f'command="sh" {KEY}',)},
        {"keys": (KEY + '" && reboot',)},
        {"keys": (KEY + "\nssh-rsa AAAA",)},
        {"keys": ("-----BEGIN OPENSSH PRIVATE KEY-----",)},
        {"swap": 1},
        {"swap": 6 * GIB},
    ],
)
def test_what_cannot_be_written_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        checked(dataclasses.replace(PLAIN, **wrong), disk=8 * GIB)
    assert caught.value.code == "install.answers"
    assert caught.value.hint


def test_a_disk_needs_room_for_the_root() -> None:
    with pytest.raises(UsageError, match="too small"):
        checked(PLAIN, disk=2 * GIB)


@given(text=st.text(max_size=60))
def test_whatever_is_accepted_is_harmless_in_a_shell(text: str) -> None:
    for change in ({"hostname": text}, {"user": text}, {"packages": (text,)}, {"keys": (text,)}):
        try:
            answers = checked(dataclasses.replace(PLAIN, **change), disk=8 * GIB)
        except UsageError:
            continue
        assert not set(text) & set("\"'`$\\;&|<>()\n\r\t%#!*?[]{}~")
        for line in script(answers).splitlines():
            assert line.isprintable()


@given(
    filesystem=st.sampled_from(FILE_SYSTEMS),
    swap=st.sampled_from([0, 512 * MIB, GIB + 1]),
    keys=st.lists(st.sampled_from([KEY, KEY_2]), max_size=2, unique=True),
    packages=st.lists(st.sampled_from(["vim", "g++", "python3.11", "lib:i386"]), unique=True),
)
def test_kickstart_is_read_back_whatever_is_asked_for(
    filesystem: Any, swap: int, keys: list[str], packages: list[str]
) -> None:
    answers = Answers("web", "lab", tuple(keys), filesystem, swap, tuple(packages))
    handler = makeVersion("F41")
    text = family_of("fedora").write(answers, TREE)
    KickstartParser(handler).readKickstartFromString(text)
    assert all(key in handler.scripts[0].script for key in keys)
    assert set(packages) <= set(handler.packages.packageList)


def test_keys_are_read_from_a_file() -> None:
    assert read_keys(f"# mine\n\n{KEY}\n  {KEY_2}\n") == (KEY, KEY_2)


# --- families -------------------------------------------------------------------------------------


def test_every_family_is_whole() -> None:
    assert len({family.name for family in known().values()}) == 4
    for system, family in known().items():
        assert family.systems[system]
        assert family.places
        assert set(family.filesystems(system)) <= set(FILE_SYSTEMS)
        assert (family.injected is None) == family.whole
        assert family.memory >= 512 * MIB
        for sign in family.signs:
            if "{" in sign.step:
                assert set(sign.pattern.groupindex) - {"percent", "at", "of"}


def test_an_unknown_system_is_named_with_those_that_are_known() -> None:
    with pytest.raises(UsageError) as caught:
        family_of("plan9")
    assert caught.value.code == "install.unknown-os"
    assert "opensuse" in (caught.value.hint or "")
