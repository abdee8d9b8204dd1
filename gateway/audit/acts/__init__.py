"""Acts of humans: their one form, and what each of them demands."""
