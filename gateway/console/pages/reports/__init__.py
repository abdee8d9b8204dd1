"""The pages of reports on methods and routes: the library, a report, and the form in which one is written."""
