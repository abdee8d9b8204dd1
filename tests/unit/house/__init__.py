"""Tests of the tree itself: what may be in it, and that its documents name what exists."""
