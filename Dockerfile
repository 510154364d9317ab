# lookalike in a container: see docs/recipes.md. Photos are mounted at /photos, read-only; the store lies in /store.
FROM python:3.11-slim AS build
COPY . /source
RUN python -m venv /opt/lookalike
RUN /opt/lookalike/bin/pip install --no-cache-dir -c /source/constraints.txt /source

FROM python:3.11-slim
COPY --from=build /opt/lookalike /opt/lookalike
ARG UID=1000
RUN useradd --uid $UID --create-home lookalike && install --directory --owner=lookalike /photos /store
ENV PATH=/opt/lookalike/bin:$PATH LOOKALIKE_STORE=/store/library LOOKALIKE_STATE=/store/state LOOKALIKE_CACHE=/store/cache
USER lookalike
WORKDIR /photos
VOLUME /store
EXPOSE 8765
ENTRYPOINT ["lookalike"]
CMD ["--help"]
