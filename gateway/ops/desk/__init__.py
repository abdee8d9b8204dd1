"""Read the desk's rows of a home, whether its node runs or not."""
