"""Tests of the console in Chromium, over running nodes."""
