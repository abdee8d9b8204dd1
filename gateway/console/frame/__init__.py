"""Show and guard every page alike: who visits, how a page is drawn, how errors look."""
