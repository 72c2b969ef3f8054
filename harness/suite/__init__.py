"""The shared suite: what every board must do, whatever its kind.

    particle-hil check --board emu:photon
    pytest --pyargs harness.suite --board usb:DEVICE-ID --allow-changes

Written against `Board` only; what a kind of board cannot do is skipped with the reason.
"""
