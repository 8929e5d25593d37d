FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements.txt .
# The image contains no pip, no compiler and no package without a known hash.
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --require-hashes --requirement requirements.txt

FROM python:3.13-slim
LABEL org.opencontainers.image.title="order-saga" \
      org.opencontainers.image.description="Worker and starter of the order saga on Temporal" \
      org.opencontainers.image.licenses="MIT"
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY . .
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["python", "-m", "deploy.worker_health"]
ENTRYPOINT ["python"]
CMD ["worker.py"]
