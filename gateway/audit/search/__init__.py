"""Find entries by what an auditor asks for, in a home or in an export."""
