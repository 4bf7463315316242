# docker build -t authentication .
# docker run -p 8000:8000 -v authentication:/data authentication
#
# docs/container.md says more.

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --profile image --package authd-container
RUN contrib/container/rootfs target/image/authd-container /image

# No shell, no package manager, no other program.
FROM scratch
COPY --from=build /image/system/ /
COPY --from=build --chown=10001:10001 /image/data /data
USER 10001:10001
WORKDIR /data
VOLUME /data
# Only in here everybody may connect: outside, `docker run -p` says who may.
ENV AUTHD_SERVER_LISTEN=0.0.0.0:8000 TMPDIR=/data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["authd", "healthcheck"]
CMD ["authd", "serve", "--migrate"]
