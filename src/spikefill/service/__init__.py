"""``spikefill serve``: restoring over HTTP, as a REST interface and a web page. It needs the extra ``serve``."""
