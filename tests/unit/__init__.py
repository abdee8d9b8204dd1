"""Tests of single packages, in the folders of these; those without a mark need no process and no server."""
