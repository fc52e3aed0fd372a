"""Where runs are computed: supervised processes of this machine, a Ray cluster, or any executor."""
