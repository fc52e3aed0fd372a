"""Numbers measured from a run. One file each; columns are named here and nowhere else."""
