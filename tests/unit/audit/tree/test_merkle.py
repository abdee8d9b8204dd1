"""The tree against published vectors (RFC 6962 test data) and against a direct reading of the RFC."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.tree.merkle import EMPTY_ROOT, Tree, leaf_hash, verify_consistency, verify_inclusion
from gateway.errors import Contradicted, Malformed
from tests.support.tables import table

INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def tree_of(leaves: list[bytes]) -> Tree:
    tree = Tree()
    tree.extend(leaf_hash(leaf) for leaf in leaves)
    return tree


def direct_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + direct_root(leaves[:split]) + direct_root(leaves[split:])).digest()


@table("size", range(1, 9))
def test_roots_are_the_published_ones(size: int) -> None:
    tree = tree_of(INPUTS)
    assert tree.root(size).hex() == ROOTS[size - 1]
    assert tree_of(INPUTS[:size]).root().hex() == ROOTS[size - 1]


def test_the_empty_tree_has_the_published_root() -> None:
    assert Tree().root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert Tree().root() == EMPTY_ROOT


def test_published_inclusion_proofs() -> None:
    tree = tree_of(INPUTS)
    assert [item.hex() for item in tree.inclusion(0, 8)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [item.hex() for item in tree.inclusion(2, 3)] == [
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    ]
    assert tree.inclusion(0, 1) == ()


def test_published_consistency_proofs() -> None:
    tree = tree_of(INPUTS)
    assert tree.consistency(1, 1) == ()
    assert [item.hex() for item in tree.consistency(6, 8)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [item.hex() for item in tree.consistency(2, 5)] == [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]


@given(st.lists(st.binary(max_size=3), min_size=1, max_size=70), st.data())
def test_every_proof_verifies_and_no_other_leaf_does(leaves: list[bytes], data: st.DataObject) -> None:
    tree = tree_of(leaves)
    size = data.draw(st.integers(1, len(leaves)))
    index = data.draw(st.integers(0, size - 1))
    root = tree.root(size)
    assert root == direct_root(leaves[:size])
    proof = tree.inclusion(index, size)
    verify_inclusion(leaf_hash(leaves[index]), index, size, proof, root)
    with pytest.raises(Contradicted):
        verify_inclusion(leaf_hash(b"other"), index, size, proof, root)
    with pytest.raises(Contradicted):
        verify_inclusion(leaf_hash(leaves[index]), index, size, (*proof, root), root)
    if proof:
        with pytest.raises(Contradicted):
            verify_inclusion(leaf_hash(leaves[index]), index, size, proof[:-1], root)


@given(st.integers(1, 70), st.data())
def test_every_consistency_proof_verifies_and_no_changed_one_does(size: int, data: st.DataObject) -> None:
    tree = tree_of([bytes([number]) for number in range(size)])
    first = data.draw(st.integers(1, size))
    proof = tree.consistency(first, size)
    old, new = tree.root(first), tree.root(size)
    verify_consistency(first, size, old, new, proof)
    other = leaf_hash(b"other")
    with pytest.raises(Contradicted):
        verify_consistency(first, size, other, new, proof)
    if first < size:
        with pytest.raises(Contradicted):
            verify_consistency(first, size, old, other, proof)
        with pytest.raises(Contradicted):
            verify_consistency(first, size, old, new, (*proof, other))


def test_hashes_of_length_zero_are_refused() -> None:
    """The two published bad proofs that a literal verifier accepts (FACT-20)."""
    root = leaf_hash(b"x")
    with pytest.raises(Malformed):
        verify_inclusion(b"", 0, 1, (), b"")
    with pytest.raises(Malformed):
        verify_consistency(1, 2, root, root, (b"",))
    with pytest.raises(Contradicted):
        verify_consistency(0, 1, EMPTY_ROOT, root, ())
    with pytest.raises(Contradicted):
        verify_consistency(0, 0, root, root, ())


@table(("index", "size"), [(1, 1), (-1, 1), (0, 0), (5, 3)])
def test_an_index_outside_the_tree_is_refused(index: int, size: int) -> None:
    with pytest.raises(Contradicted):
        verify_inclusion(leaf_hash(b"x"), index, size, (), leaf_hash(b"x"))
    with pytest.raises(Malformed):
        tree_of([b"x"]).inclusion(index, size)
