"""The evidence of an answer costs less than 1.5 KB, in a log of a million entries, too."""

from __future__ import annotations

from gateway.bench.evidence import LIMIT, longest, measure_evidence


def test_the_evidence_of_an_answer_is_small() -> None:
    row = measure_evidence(20_000)
    assert 800 < row.median_bytes <= row.most_bytes < LIMIT
    assert row.most_bytes <= longest(20_000 + 64 * 64)


def test_no_proof_in_a_log_of_a_million_entries_is_larger() -> None:
    assert longest(1_000_000) < LIMIT
