"""Tests of the tree itself: what may stand in it, and that its documents name what exists."""
