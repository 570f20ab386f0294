# The image, for those who have a container engine; "make image" makes it without one, and
# with the same bytes wherever it is made.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg VERSION=v1.2.3 \
#     --build-arg COMMIT="$(git rev-parse HEAD)" --build-arg DATE="$(git log -1 --format=%cI)" \
#     --sbom=true --tag registry.example.com/auditflow:v1.2.3 --push .
ARG GO=1.26.10

FROM --platform=$BUILDPLATFORM golang:${GO} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH VERSION=dev COMMIT="" DATE=""
ENV CGO_ENABLED=0 GOAMD64=v1 GOARM64=v8.0 GOTOOLCHAIN=local
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH go build -mod=readonly -trimpath -buildvcs=false \
	-ldflags="-s -w -X=github.com/auditflow/auditflow/internal/build.version=$VERSION -X=github.com/auditflow/auditflow/internal/build.commit=$COMMIT -X=github.com/auditflow/auditflow/internal/build.date=$DATE" \
	-o /programs/ ./cmd/controller ./cmd/worker ./cmd/api ./cmd/auditctl

# Certificate authorities, time zones and a user, and no shell.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /programs/ /usr/local/bin/
ENV PATH=/usr/local/bin
USER 65532:65532
WORKDIR /
