"""Debian's installer and Ubuntu's old one: preseed, read by debconf before the first question.

Sources: the installation guide's appendix B and its example-preseed.txt; partman-auto-recipe.txt of
debian-installer's doc/devel; rootskel's S70menu (a dumb terminal keeps GNU screen away); user-setup
(`!` in place of a password's hash: no password).
"""

import re
import shlex
from collections.abc import Iterator

from nestlab.install.answers import DEVICE, FILE_SYSTEMS, Answers
from nestlab.install.family import Family, Place, Sign, Source
from nestlab.install.finish import script
from nestlab.units import MIB

_PACKAGES = ("openssh-server", "cloud-init", "cloud-guest-utils", "sudo")

_FIXED = """#_preseed_V1
d-i debian-installer/locale string en_US.UTF-8
d-i keyboard-configuration/xkb-keymap select us
d-i netcfg/choose_interface select auto
d-i netcfg/get_domain string
d-i hw-detect/load_firmware boolean false
d-i passwd/root-login boolean false
d-i passwd/make-user boolean true
d-i passwd/user-password-crypted password !
d-i clock-setup/utc boolean true
d-i clock-setup/ntp boolean false
d-i time/zone string Etc/UTC
d-i partman-auto/method string regular
d-i partman-basicfilesystems/no_swap boolean false
d-i partman-partitioning/confirm_write_new_label boolean true
d-i partman/choose_partition select finish
d-i partman/confirm boolean true
d-i partman/confirm_nooverwrite boolean true
d-i apt-setup/use_mirror boolean true
d-i apt-setup/services-select multiselect
d-i apt-setup/enable-source-repositories boolean false
d-i apt-setup/cdrom/set-first boolean false
tasksel tasksel/first multiselect
d-i pkgsel/upgrade select none
d-i pkgsel/update-policy select none
popularity-contest popularity-contest/participate boolean false
d-i grub-installer/only_debian boolean true
d-i finish-install/reboot_in_progress note
d-i debian-installer/exit/poweroff boolean true"""


def write(answers: Answers, _source: Source) -> str:
    """The preseed file; the root is the last partition, so that it can grow."""
    return "\n".join((_FIXED, *_lines(answers))) + "\n"


def _lines(answers: Answers) -> Iterator[str]:
    yield f"d-i netcfg/hostname string {answers.hostname}"
    yield f"d-i netcfg/get_hostname string {answers.hostname}"
    yield f"d-i passwd/user-fullname string {answers.user}"
    yield f"d-i passwd/username string {answers.user}"
    yield f"d-i partman-auto/disk string {DEVICE}"
    yield f"d-i grub-installer/bootdev string {DEVICE}"
    yield from _recipe(answers)
    if answers.mirror:
        yield from _mirror(answers.mirror.served)
    yield f"d-i pkgsel/include string {' '.join((*_PACKAGES, *answers.packages))}"
    yield from _late(answers)


def _recipe(answers: Answers) -> Iterator[str]:
    """Sizes in MB: least, priority, most; -1 takes what is left."""
    yield "d-i partman-auto/expert_recipe string \\"
    yield "  nestlab :: \\"
    if answers.swap:
        size = answers.swap // 10**6
        yield f"  {size} {size} {size} linux-swap \\"
        yield "    $primary{ } method{ swap } format{ } . \\"
    kind = answers.filesystem
    yield f"  2000 10000 -1 {kind} \\"
    yield "    $primary{ } $bootable{ } method{ format } format{ } \\"
    yield f"    use_filesystem{{ }} filesystem{{ {kind} }} mountpoint{{ / }} ."
    yield "d-i partman-auto/choose_recipe select nestlab"


def _mirror(url: str) -> Iterator[str]:
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    yield "d-i mirror/country string manual"
    yield f"d-i mirror/protocol select {scheme}"
    yield f"d-i mirror/{scheme}/hostname string {host}"
    yield f"d-i mirror/{scheme}/directory string /{path}"
    yield f"d-i mirror/{scheme}/proxy string"


def _late(answers: Answers) -> Iterator[str]:
    """Written line by line into the installed system and run there; debconf joins the lines."""
    yield "d-i preseed/late_command string \\"
    yield "  ( \\"
    for line in script(answers).splitlines():
        yield f"  echo {shlex.quote(line)}; \\"
    yield "  ) >/target/root/nestlab-finish; \\"
    yield "  in-target sh /root/nestlab-finish && rm /target/root/nestlab-finish"


def arguments(_source: Source) -> tuple[str, ...]:
    """`---` ends what is for the installer; grub-installer keeps what follows it."""
    return ("auto=true", "priority=critical", "DEBIAN_FRONTEND=text", "TERM=dumb", "---")


def _places() -> Iterator[Place]:
    """Folders of netboot images, from a mirror's root down to the files themselves."""
    for images, inside in (
        ("current/images", "netboot/debian-installer/amd64"),
        ("current/legacy-images", "netboot/ubuntu-installer/amd64"),
    ):
        for above in _FOLDERS:
            base = f"{above}{images}/" if above is not None else ""
            yield Place(
                f"{base}{inside}/linux", f"{base}{inside}/initrd.gz", f"{base}SHA256SUMS", base
            )
    yield Place("debian-installer/amd64/linux", "debian-installer/amd64/initrd.gz")
    yield Place("linux", "initrd.gz")
    yield Place("install.amd/vmlinuz", "install.amd/initrd.gz")


_FOLDERS = (None, "", "main/installer-amd64/", "dists/stable/main/installer-amd64/")
"""Above the folder of images: none where the location is that folder itself."""


_AT = r".*  \.\.\.(?: \d+%\.\.\.)* (?P<percent>\d+)%"
"""How the text front end of cdebconf draws a bar: `Title  ... 10%... 20%`, growing."""

_BARS = (
    ("(Detecting network hardware|Detecting disks)", "detecting hardware"),
    ("(Detecting link|Waiting for link|Attempting IPv6|Configuring the network)",
     "detecting network"),
    ("Checking the .* archive mirror", "asking the mirror"),
    ("(Loading additional components|Scanning .*installer)", "loading components"),
    ("(Starting up the partitioner|Guided partitioning|Partitions formatting)", "partitioning"),
    ("Installing the base system", "installing the base system"),
    ("Configuring apt", "configuring apt"),
    ("Select and install software", "installing packages"),
    ("Installing GRUB boot loader", "installing the boot loader"),
    ("Finishing the installation", "finishing"),
)  # fmt: skip

# A question has a title underlined with as many dashes; with `priority=critical` and every answer
# given, the text front end draws none. Newt's dialogs have `[!]` or `[!!]` in their frames.
_SIGNS = (
    *(Sign("progress", re.compile(f"^{title}{_AT}"), step) for title, step in _BARS),
    Sign("progress", re.compile(rf"^(?P<title>[A-Z][\w ]{{2,60}}){_AT}"), "{title}"),
    Sign("prompt", re.compile(r"^-{4,80}$")),
    Sign("prompt", re.compile(r"^Prompt: ")),
    Sign("prompt", re.compile(r"\[!!?\] ")),
)

FAMILY = Family(
    name="preseed",
    systems={"debian": "Debian", "ubuntu-legacy": "Ubuntu with Debian's installer (to 20.04)"},
    file="preseed.cfg",
    injected="preseed.cfg",
    write=write,
    arguments=arguments,
    places=tuple(_places()),
    signs=_SIGNS,
    memory=1024 * MIB,
    filesystems=lambda _system: FILE_SYSTEMS,
    wants="mirror",
)
