"""Make the pages of reports on methods and routes: the library, a report, and the form of a new one."""
