"""Describe operations of several members: in lines, and as a page to be printed."""
