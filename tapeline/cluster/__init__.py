"""Work on a Dask cluster's workers: the same results as on this machine, over a shared folder."""
