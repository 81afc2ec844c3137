"""The paths of the service: candles, health, metrics, model cards."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response

from tapeline.errors import ArtifactError
from tapeline.http.bodies import EXAMPLE, Posted, why_wrong
from tapeline.http.figures import CONTENT_TYPE
from tapeline.http.guard import as_error, as_json
from tapeline.http.promoted import Promoted
from tapeline.serving.candles import brief

PATHS = "POST /candles, GET /health, GET /metrics, GET /models/NAME/card, GET /openapi.json"


def make_app(promoted: Promoted) -> FastAPI:
    """The application that answers by `promoted`; its errors are a line of JSON each."""
    app = FastAPI(title="Tapeline", docs_url=None, redoc_url=None, swagger_ui_oauth2_redirect_url=None)

    # Plain functions: the server runs them in threads, so that a long request holds up no other's reading.
    @app.post("/candles")
    def answer_candles(posted: Posted) -> Response:
        """Answer each closed candle: a prediction of every promoted model, or why there is none."""
        return as_json({"answers": promoted.answer(posted.pairs())})

    @app.get("/health")
    def health() -> Response:
        """Whether candles are answered or why not, by which bundles, and each symbol's last candle."""
        found = promoted.health()
        return as_json(found, 200 if found["status"] == "ok" else 503)

    @app.get("/metrics")
    def metrics() -> Response:
        """Metrics in Prometheus' text format."""
        return Response(promoted.metrics(), media_type=CONTENT_TYPE)

    @app.get("/models/{name}/card")
    def card(name: str) -> Response:
        """Model card of a promoted bundle, in Markdown; the name is looked up among those loaded."""
        text = promoted.card(name)
        if text is None:
            return as_error(404, f"model {brief(name)}: has no card here; there is {promoted.title}")
        return Response(text, media_type="text/markdown")

    @app.exception_handler(RequestValidationError)
    def wrong_body(request: Request, error: RequestValidationError) -> Response:
        problems = error.errors()
        return as_error(400 if problems[0]["type"] == "json_invalid" else 422, why_wrong(problems))

    @app.exception_handler(ArtifactError)
    def not_usable(request: Request, error: ArtifactError) -> Response:
        return as_error(503, str(error))

    @app.exception_handler(400)
    def no_json(request: Request, error: Exception) -> Response:
        return as_error(400, f"the body can't be read as JSON: {EXAMPLE}")

    @app.exception_handler(404)
    def no_path(request: Request, error: Exception) -> Response:
        return as_error(404, f"{brief(request.url.path)} is no path of the service; there are {PATHS}")

    @app.exception_handler(405)
    def no_method(request: Request, error: Exception) -> Response:
        return as_error(405, f"{request.method} {brief(request.url.path)} is not there; there are {PATHS}")

    @app.exception_handler(500)
    def defect(request: Request, error: Exception) -> Response:
        return as_error(500, "a defect of the service: what it wrote to standard error says more")

    return app
