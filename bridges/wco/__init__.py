"""The annex that maps consignments and seizures to data elements of the World Customs Organization, and its CSV."""
