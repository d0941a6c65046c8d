"""Device in, Poll out: how each kind of peer is asked."""
