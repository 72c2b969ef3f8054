"""Ways in from outside: how programs that know nothing of a Lab reach the boards in it.

A door knows USB, serial ports or sockets; it knows nothing of Particle. Each lives in its own module and is imported only when used.
"""
