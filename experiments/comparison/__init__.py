"""Rules against each other: what each does for those who follow it, and to everybody else."""
