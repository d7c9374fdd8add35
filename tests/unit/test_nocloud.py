"""The seed of a cloud image, read back as cloud-init does: ISO, then YAML."""

import dataclasses
import io
from ipaddress import IPv4Network
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pycdlib import PyCdlib

from nestlab.image.nocloud import FIRST_MAC, files, nocloud_iso
from nestlab.image.seed import Seed
from nestlab.net.subnet import GuestNetwork

SEED = Seed(
    hostname="l2",
    machine_id="0123456789abcdef" * 2,
    host_key="-----BEGIN OPENSSH PRIVATE KEY-----\nsecret\n-----END OPENSSH PRIVATE KEY-----\n",
    host_key_public="ssh-ed25519 AAAAhost l2",
    authorized_key="ssh-ed25519 AAAAclient nestlab",
    network=GuestNetwork(IPv4Network("10.96.1.0/24")),
)


def read_back(data: bytes, kind: str) -> dict[str, str]:
    """Name -> text, by Joliet or Rock Ridge."""
    iso = PyCdlib()
    iso.open_fp(io.BytesIO(data))
    found = {}
    for child in iso.list_children(**{f"{kind}_path": "/"}):
        if child.is_file():
            name = (
                child.file_identifier().decode("utf-16-be")
                if kind == "joliet"
                else child.rock_ridge.name().decode()
            )
            text = io.BytesIO()
            iso.get_file_from_iso_fp(text, **{f"{kind}_path": f"/{name}"})
            found[name] = text.getvalue().decode()
    assert iso.pvd.volume_identifier.decode().strip() == "cidata"
    iso.close()
    return found


def documents(seed: Seed, user: str = "ubuntu", **more: Any) -> dict[str, Any]:
    return {name: yaml.safe_load(text) for name, text in files(seed, user, **more).items()}


@pytest.mark.parametrize("kind", ["joliet", "rr"])
def test_the_iso_has_what_cloud_init_looks_for(kind: str) -> None:
    found = read_back(nocloud_iso(SEED, "ubuntu"), kind)
    assert found == files(SEED, "ubuntu")
    assert set(found) == {"meta-data", "user-data", "network-config"}
    assert found["user-data"].startswith("#cloud-config\n")


def test_the_guest_is_a_machine_of_its_own() -> None:
    found = documents(SEED)
    assert found["meta-data"] == {"instance-id": SEED.machine_id, "local-hostname": "l2"}
    assert found["user-data"]["hostname"] == "l2"
    assert found["user-data"]["ssh_deletekeys"] is True
    assert found["user-data"]["ssh_keys"] == {
        "ed25519_private": SEED.host_key,
        "ed25519_public": SEED.host_key_public,
    }
    assert found["user-data"]["growpart"]["devices"] == ["/"]


def test_root_and_the_image_s_user_have_the_lab_s_key() -> None:
    user = documents(SEED, "ubuntu")["user-data"]
    assert user["disable_root"] is False
    assert user["ssh_authorized_keys"] == [SEED.authorized_key]
    default, named = user["users"]
    assert default == "default"
    assert named["name"] == "ubuntu"
    assert named["ssh_authorized_keys"] == [SEED.authorized_key]
    assert documents(SEED, "root")["user-data"]["users"] == ["default"]


def test_the_address_is_static_on_the_card_with_that_mac() -> None:
    (card,) = documents(SEED)["network-config"]["ethernets"].values()
    assert card["match"] == {"macaddress": FIRST_MAC}
    assert card["addresses"] == ["10.96.1.15/24"]
    assert card["gateway4"] == "10.96.1.2"
    assert card["nameservers"] == {"addresses": ["10.96.1.3"]}
    other = documents(SEED, mac="52:54:00:00:00:01")["network-config"]["ethernets"]["eth0"]
    assert other["match"] == {"macaddress": "52:54:00:00:00:01"}


def test_the_end_of_it_is_said_on_the_console() -> None:
    (command,) = documents(SEED)["user-data"]["runcmd"]
    assert command[:2] == ["sh", "-c"]
    assert "echo 'nestlab: ready' >$console" in command[2]


ODD = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(hostname=ODD, key=ODD, private=ODD, user=ODD)
def test_no_text_becomes_anything_else(hostname: str, key: str, private: str, user: str) -> None:
    odd = dataclasses.replace(SEED, hostname=hostname, authorized_key=key, host_key=private)
    found, plain = documents(odd, user), documents(SEED, "x")
    assert found["meta-data"] == {"instance-id": SEED.machine_id, "local-hostname": hostname}
    said = found["user-data"]
    assert said["hostname"] == hostname
    assert said["ssh_keys"]["ed25519_private"] == private
    assert said["ssh_authorized_keys"] == [key]
    assert said.keys() == plain["user-data"].keys()
    assert found["network-config"] == plain["network-config"]
    if user != "root":
        assert said["users"][1]["name"] == user
