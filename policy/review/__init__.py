"""Try a policy before it decides: cases, mutants, matrix, differences, rehearsals and reasons."""
