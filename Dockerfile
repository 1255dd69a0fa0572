# One image for every service; the command says which:  python -m services.gateway
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS build
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PROJECT_ENVIRONMENT=/opt/linkup \
    UV_PYTHON_DOWNLOADS=never \
    UV_SYSTEM_CERTS=1
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore uv==0.13.8
WORKDIR /build
# What changes seldom comes first: a change of ours does not fetch the dependencies again.
COPY pyproject.toml uv.lock ./
COPY clients/python/pyproject.toml clients/python/
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --locked --no-default-groups --no-install-workspace
COPY README.md ./
COPY shared shared
COPY services services
COPY linkup linkup
COPY clients clients
# uv knows a package of ours by its pyproject.toml, and would take the one of an earlier build.
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --locked --no-default-groups --no-editable \
      --reinstall-package linkup-messaging --reinstall-package linkup-client

FROM python:${PYTHON}-slim-bookworm
ARG VERSION=0.5.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="LinkUp messaging" \
      org.opencontainers.image.description="Real-time messaging to put beside your own web app" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 linkup \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin linkup \
    && install --directory --owner=linkup --group=linkup --mode=0700 /data \
       /stores/persistence /stores/notify /stores/gateway
COPY --from=build /opt/linkup /opt/linkup
COPY deploy/healthcheck.py /opt/linkup/
# PYTHONSAFEPATH: the working directory is writable, so nothing is imported from it.
ENV PATH=/opt/linkup/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    LINKUP_DATA_DIR=/data \
    LINKUP_HOST=0.0.0.0
WORKDIR /data
USER 10001:10001
EXPOSE 8000
CMD ["python", "-m", "services.gateway"]
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-S", "/opt/linkup/healthcheck.py", "8000"]
