"""What a user asks for, and what follows from it before anything is started."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.errors import UsageError
from nestlab.hypervisor.accelerator import Wanted
from nestlab.image.importing import checked_name, is_url
from nestlab.image.mirror import host_sources
from nestlab.install.answers import Answers, Mirror, checked
from nestlab.install.family import Family, Source, family_of
from nestlab.install.serve import Route, Serving
from nestlab.install.tree import Folder, Iso, Tree, open_tree
from nestlab.machine.protocol import Machine

_ASK = 60.0
_TREE, _MIRROR = "tree", "mirror"


@dataclass(frozen=True)
class Wish:
    """One installation as it is asked for.

    name      of the image
    system    as --os says it
    own       text of the user's own answer file, None: ours
    disk      bytes
    memory    bytes, None: what the installer needs
    mirror    URL of packages, None: see `packages_of`
    words     further words of the installer's kernel command line
    keep      whether the work folder stays when it fails
    """

    name: str
    system: str
    location: str
    answers: Answers
    disk: int
    vcpus: int = 2
    memory: int | None = None
    own: str | None = None
    mirror: str | None = None
    words: tuple[str, ...] = ()
    accel: Wanted = "auto"
    keep: bool = False


@dataclass(frozen=True)
class Plan:
    """A wish that has been checked.

    packages  where they are from, with URLs as this machine sees them
    root      folder or URL that the guest must reach; None: it has the tree as its CD, or
              needs none
    below     path of the tree from there
    beside    names of further repositories -> their paths from `root`
    """

    wish: Wish
    family: Family
    tree: Tree
    packages: Mirror | None
    root: str | Path | None
    below: str
    beside: tuple[tuple[str, str], ...]

    @property
    def routes(self) -> tuple[Route, ...]:
        """What is served to the guest."""
        return (
            *((Route(_TREE, self.root),) if self.root else ()),
            *((Route(_MIRROR, self.packages.served),) if self.packages else ()),
        )

    def answer_file(self, server: Serving | None) -> str:
        """The answer file; without a server its URLs are those that this machine knows."""
        if self.wish.own is not None:
            return self.wish.own
        mirror = self.packages
        if mirror and server:
            mirror = replace(mirror, served=server.url(_MIRROR))
        answers = replace(self.wish.answers, mirror=mirror)
        return self.family.write(answers, self.source(server))

    def source(self, server: Serving | None) -> Source:
        """How the installer sees its tree."""
        if self.root is None:
            return Source(None)

        def seen(path: str) -> str:
            return server.url(_TREE, path) if server else f"{self.root}{path}"

        beside = tuple((name, seen(path)) for name, path in self.beside)
        return Source(seen(self.below), beside)


async def plan_for(wish: Wish, machine: Machine) -> Plan:
    """Check a wish.

    Raises UsageError `install.unknown-os`, `install.answers`, `install.filesystem`,
    `install.no-such-tree`, `install.needs-iso`, `install.needs-mirror`, `install.no-mirror`,
    `image.bad-name`, `image.name-taken`.
    """
    family = family_of(wish.system)
    checked_name(wish.name)
    checked(wish.answers, disk=wish.disk)
    offered = family.filesystems(wish.system)
    if wish.answers.filesystem not in offered:
        raise UsageError(
            "install.filesystem",
            f"the installer of {family.systems[wish.system]} makes no {wish.answers.filesystem}",
            hint=f"--filesystem with one of: {', '.join(offered)}",
        )
    tree = open_tree(wish.location)
    if family.whole and not isinstance(tree, Iso):
        raise UsageError(
            "install.needs-iso",
            f"{family.systems[wish.system]} is installed from an ISO file only",
            hint="--location with the ISO of its server edition",
        )
    packages = await packages_of(wish, family, tree, machine)
    root, below, beside = _root_of(family, tree)
    return Plan(wish, family, tree, packages, root, below, beside)


def _root_of(
    family: Family, tree: Tree
) -> tuple[str | Path | None, str, tuple[tuple[str, str], ...]]:
    """The common root of the tree and its sister repositories, and the paths from there."""
    if isinstance(tree, Iso) or family.wants == "mirror":
        return None, "", ()
    match = family.parent.search(tree.name.rstrip("/")) if family.parent else None
    if match is None:
        return (tree.path if isinstance(tree, Folder) else tree.name.rstrip("/")), "", ()
    root, below = tree.name[: match.start()], match[0]
    sister = below.replace("BaseOS", "AppStream")
    beside = (("AppStream", sister),)
    if not isinstance(tree, Folder):
        return root, below, beside
    return Path(root), below, beside if Path(f"{root}{sister}").is_dir() else ()


async def packages_of(wish: Wish, family: Family, tree: Tree, machine: Machine) -> Mirror | None:
    """Where the packages come from: --mirror, else the host's own apt, else the tree's mirror."""
    if family.wants == "tree":
        if wish.mirror:
            raise UsageError(
                "install.no-mirror",
                f"{family.systems[wish.system]} takes its packages from its install tree",
                hint="leave --mirror out, and give the tree of that mirror as --location",
            )
        return None
    url = wish.mirror.rstrip("/") if wish.mirror else None
    if url is not None and not is_url(url):
        raise _needs_mirror(f"{wish.mirror} is no URL that begins with http:// or https://")
    if url is None and wish.system == "debian":
        if found := await _hosts_own(machine):
            return found
        url = _tree_mirror(tree)
    if url is None and family.wants == "mirror" and wish.own is None:
        raise _needs_mirror("nobody says where the packages come from")
    if url is None:
        return None
    debian = wish.system == "debian"
    components = "main" if debian else "main restricted universe multiverse"
    suffixes = ("", "-updates") if debian else ("", "-updates", "-security")
    return Mirror(url, tuple((url, suffix) for suffix in suffixes), components)


async def _hosts_own(machine: Machine) -> Mirror | None:
    sources = await host_sources(machine, "", deadline=Deadline.after(_ASK))
    kept = tuple((source.uri.rstrip("/"), source.suite) for source in sources if is_url(source.uri))
    main = next((url for url, suffix in kept if not suffix), None)
    return Mirror(main, kept) if main else None


def _tree_mirror(tree: Tree) -> str | None:
    """A mirror's root, where the tree is a part of one."""
    if not is_url(tree.name):
        return None
    return re.split(r"/dists(/|$)", tree.name)[0].rstrip("/")


def _needs_mirror(message: str) -> UsageError:
    return UsageError(
        "install.needs-mirror",
        message,
        hint="--mirror with the URL of a mirror: the folder that has `dists` and `pool`",
    )
