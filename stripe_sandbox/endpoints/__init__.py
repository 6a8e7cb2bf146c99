"""One module for each kind of object of the API: what its URLs do, called by `wire`."""
