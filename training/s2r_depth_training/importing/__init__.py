"""Public data sets become training sets: one module for each kind of layout."""
