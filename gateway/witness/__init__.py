"""Cosign the heads of others' logs, and have ours cosigned."""
