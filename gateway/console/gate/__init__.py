"""Understand what an officer types or scans at the gate, a token beside a question, too."""
