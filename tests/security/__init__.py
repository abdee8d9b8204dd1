"""Tests of what an attacker tries: hostile members, peers, clients, sources, files and people."""
