"""What the routes do: a room of handlers per resource. A handler translates between the wire and the domain, and decides nothing."""
