"""The keys and certificates of a home in their life: shown, renewed, and rotated in steps."""
