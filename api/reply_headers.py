"""Headers of every reply: nothing is cached, framed or read by other pages, but by those of CORS_ORIGINS."""

from flask import Flask, Response, request

from api.source import source

_ALWAYS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-API-Key, X-Request-ID",
    "Access-Control-Max-Age": "600",
}


def register(app: Flask) -> None:
    """Add the hooks to the application; the first answers a browser that asks whether a listed page may send."""
    app.before_request(_preflight)
    app.after_request(_add)


def _preflight() -> Response | None:
    asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    return Response(status=204, headers=_PREFLIGHT) if asks and _is_listed() else None


def _add(response: Response) -> Response:
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    if _is_listed():
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Expose-Headers"] = "Retry-After, X-Request-ID"
        response.vary.add("Origin")
    return response


def _is_listed() -> bool:
    return request.headers.get("Origin") in source().rules().cors_origins
