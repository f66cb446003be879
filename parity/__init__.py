"""Our neuron against those of snnTorch, SpikingJelly, Norse and sinabs; `make parity` installs them and runs this."""
