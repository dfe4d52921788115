module pingora-keepalive/driver

go 1.19
