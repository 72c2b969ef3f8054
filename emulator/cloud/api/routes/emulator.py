"""What the emulator has beside the real cloud."""

from __future__ import annotations

from emulator.cloud.api import schemas as s
from emulator.cloud.api.fields import Field, Kind
from emulator.cloud.api.handlers import bench, billing, device_os, libraries
from emulator.cloud.api.handlers import emulator as do
from emulator.cloud.api.route import Auth, Route
from emulator.cloud.bench import BUTTONS

_BOARD = s.record(
    device_id=s.HEX24,
    name=s.TEXT,
    platform=s.TEXT,
    port=s.TEXT,
    power=s.FLAG,
    plugged=s.FLAG,
    held=s.array({"enum": list(BUTTONS)}),
    led=s.TEXT,
    sim=s.nullable(s.TEXT),
    banned=s.FLAG,
)

ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/emulator/mails",
        do.mails,
        "The mails that the cloud wrote to the caller",
        answer=s.record(mails=s.array(s.record(id=s.INTEGER, subject=s.TEXT, sent_at=s.TIME, facts=s.texts_to(s.TEXT)))),
    ),
    Route(
        "GET",
        "/emulator/refusals",
        do.refusals,
        "The devices that were turned away, and why; what of their messages was not taken in",
        answer=s.record(
            refused_count=s.INTEGER,
            refused=s.array(s.record(at=s.TIME, peer=s.TEXT, device_id=s.nullable(s.TEXT), error=s.nullable(s.INTEGER), why=s.TEXT)),
            dropped_count=s.INTEGER,
            dropped=s.array(s.record(at=s.TIME, peer=s.TEXT, device_id=s.TEXT, message=s.TEXT, why=s.TEXT)),
            disbelieved=s.array(s.record(at=s.TIME, peer=s.TEXT, device_id=s.TEXT, fact=s.TEXT, value=s.TEXT, why=s.TEXT)),
        ),
    ),
    Route("GET", "/emulator/boards", bench.list_boards, "The boards that are served", answer=s.record(boards=s.array(_BOARD))),
    Route("GET", "/emulator/boards/{board}", bench.get_board, "One of them, by name, device id or USB port", answer=_BOARD),
    Route(
        "PUT",
        "/emulator/boards/{board}",
        bench.change_board,
        "Switch a board, pull its USB cable, hold its buttons down, put another SIM in",
        fields=(
            Field("power", Kind.FLAG, about="false takes its power away"),
            Field("plugged", Kind.FLAG, about="false pulls its USB cable out"),
            Field("mode", Kind.FLAG, about="true holds the MODE button (SETUP) down, false lets it go"),
            Field("reset", Kind.FLAG, about="the same for RESET"),
            Field("sim", longest=30, about="the ICCID of a SIM to put into its slot, spare for one of nobody's, none to take it out"),
            Field("banned", Kind.FLAG, about="true has the mobile network ban its modem by its IMEI, false lets it in again"),
        ),
        answer=_BOARD,
    ),
    Route(
        "POST",
        "/emulator/boards/{board}/press",
        bench.press,
        "Press a button, and let it go; answers when that is done",
        fields=(
            Field("button", required=True, choices=BUTTONS),
            Field("seconds", Kind.NUMBER, least=0, most=30, about="how long it is down; 0.1 unless given"),
        ),
        answer=_BOARD,
    ),
    Route(
        "GET",
        "/emulator/usage_reports/{token}",
        billing.download_report,
        "The file of a usage report, by the link in it",
        auth=Auth.NONE,
        answer=s.TEXT,
        content_type="text/csv; charset=utf-8",
    ),
    Route(
        "GET",
        "/emulator/libraries/{token}",
        libraries.download,
        "The archive of a library, by the link in it",
        auth=Auth.NONE,
        answer=s.TEXT,
        content_type="application/gzip",
    ),
    Route(
        "GET",
        "/emulator/device_os/{platform}/{version}/{file}",
        device_os.download,
        "A module of a Device OS release that the cloud's library holds",
        auth=Auth.NONE,
        answer=s.TEXT,
        content_type="application/octet-stream",
    ),
    Route(
        "POST",
        "/emulator/transfers/{token}",
        do.answer_transfer,
        "Accept or decline a transfer, with the token from its mail",
        fields=(Field("accept", Kind.FLAG, required=True),),
        auth=Auth.NONE,
        answer=s.record(ok=s.TRUE, id=s.HEX24),
    ),
)
