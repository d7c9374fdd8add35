"""Names: what each machine's /etc/hosts says."""

import pytest

from lan_examples import NAT, TREE, Net, laid_out
from nestlab.net.hosts import hosts_of
from nestlab.net.lan import Layout
from nestlab.net.subnet import GuestNetwork


def above(path: str) -> dict[str, GuestNetwork]:
    """The NATs that a machine is behind."""
    return {each: NAT[each] for each in NAT if f"{path}/".startswith(f"{each}/")}


def names(path: str, layout: Layout | None = None) -> dict[str, list[str]]:
    """Name -> its addresses, as seen from a machine."""
    found: dict[str, list[str]] = {}
    for address, given in hosts_of(path, layout or laid_out(), above(path), "seed"):
        for name in given:
            found.setdefault(name, []).append(address)
    return found


def member(path: str, lan: str) -> list[str]:
    port = laid_out().members(lan)[path]
    return [str(each.ip) for each in (port.address, port.address6) if each]


def test_members_of_a_network_know_each_other_across_parents() -> None:
    seen = names("l1-1")
    assert seen["l2.l1-0.seed"] == member("l1-0/l2", "storage")
    assert len(seen["l2.l1-0.seed"]) == 2
    assert names("l1-0/l2")["l1-1.seed"] == names("l1-0/l2")["l1-1"] == member("l1-1", "storage")


def test_a_child_on_the_same_network_is_known_and_its_parent_to_it() -> None:
    assert names("l1-0")["l2"] == member("l1-0/l2", "tenant")
    assert names("l1-0/l2")["parent"] == names("l1-0/l2")["l1-0"] == member("l1-0", "tenant")


def test_ancestors_are_behind_the_gateways() -> None:
    seen = names("l1-1/l2")
    assert seen["parent"] == seen["l1-1"] == seen["l1-1.seed"] == [str(NAT["l1-1/l2"].gateway)]
    assert seen["l0"] == seen["l0.seed"] == [str(NAT["l1-1"].gateway)]
    deepest = names("l1-0/l2/l3")
    assert deepest["parent"] == deepest["l2"] == [str(NAT["l1-0/l2/l3"].gateway)]
    assert deepest["l0"] == [str(NAT["l1-0"].gateway)]
    assert deepest["l1-0"] == member("l1-0", "tenant")  # its parent is on that too: one NAT less


def test_what_an_ancestor_is_on_is_reached_through_it() -> None:
    """By IPv4 only: the NAT has no IPv6."""
    assert names("l1-1/l2")["l2.l1-0.seed"] == member("l1-0/l2", "storage")[:1]
    assert names("l1-0/l2/l3")["l1-1"] == member("l1-1", "storage")[:1]


def test_what_cannot_be_reached_has_no_name() -> None:
    """A child behind NAT alone; and a network that a machine only carries is none of its own."""
    assert not {"l2", "l2.l1-1.seed"} & names("l1-1").keys()
    assert "l1-1" not in names("l1-0")
    assert "l3" not in names("l1-0/l2")


def test_a_short_name_is_the_nearest_machine_s() -> None:
    tree = {
        "l1-0": ("n",), "l1-0/a": ("n",), "l1-0/b": ("n",),
        "l1-1": ("n",), "l1-1/a": ("n",), "l1-1/b": (),
    }  # fmt: skip
    layout = laid_out(tree, {"n": Net()})
    nat = dict.fromkeys(tree, NAT["l1-0"])

    def seen(path: str) -> dict[str, str]:
        lines = hosts_of(path, layout, nat, "seed")
        return {name: line[0] for line in lines for name in line[1]}

    inner, outer = seen("l1-0/b"), seen("l1-1")
    assert inner["a"] == inner["a.l1-0.seed"] != inner["a.l1-1.seed"]
    assert outer["a"] == outer["a.l1-1.seed"]
    # the nearest b cannot be reached: then the name is nobody's rather than a cousin's
    assert "b" not in outer
    assert "b.l1-0.seed" in outer


def test_a_name_that_means_something_else_is_given_in_full_only() -> None:
    tree = {"localhost": ("n",), "parent": ("n",), "a": ("n",)}
    nat = dict.fromkeys(tree, NAT["l1-0"])
    lines = hosts_of("a", laid_out(tree, {"n": Net()}), nat, "seed")
    given = [name for _, each in lines for name in each]
    assert {"localhost.seed", "parent.seed"} <= set(given)
    assert "localhost" not in given
    assert [address for address, each in lines if "parent" in each] == [str(NAT["l1-0"].gateway)]


@pytest.mark.parametrize("path", TREE)
def test_every_machine_knows_itself_first_by_its_full_name(path: str) -> None:
    """`hostname -f` prints the first name of the line that has the host name."""
    own, host = f"{'.'.join(reversed(path.split('/')))}.seed", path.rpartition("/")[2]
    lines = [line for line in hosts_of(path, laid_out(), above(path), "seed") if own in line[1]]
    assert [line[1][:2] for line in lines] == [(own, host)] * len(lines)
    assert lines
    on_none = not any(port.address for port in laid_out().ports[path])
    assert (lines[0][0] == "127.0.1.1") is on_none


def test_full_names_are_never_shared() -> None:
    tree = {"a": ("n",), "a/b": ("n",), "b": ("n",), "b/a": ("n",), "b/a/b": ("n",)}
    nat = dict.fromkeys(tree, NAT["l1-0"])
    lines = hosts_of("a", laid_out(tree, {"n": Net(ipv6=False)}), nat, "seed")
    full = [line[1][0] for line in lines]
    assert len(set(full)) == len(full) == len(tree) + 1
