"""The experiments, a module each, in which ``EXPERIMENT`` is declared; `spikefill.reproduce.catalogue` names them."""
