"""Bodies of calls and answers: their forms, how each is read, what refuses a wrong one, and the document of them."""
