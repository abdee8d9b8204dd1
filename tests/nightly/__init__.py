"""What a night tries: the full form of whatever `.ci/run` holds in small, one after the other, in one table."""
