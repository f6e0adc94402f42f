#!/bin/sh
# Makes the certificates of this folder anew; needs openssl 3.
set -eu
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }
authority() {
  key "$1"
  openssl req -x509 -new -key "$1.key" -subj "/CN=$1" -days 36500 -out "$1.crt"
}
# signed FILE AUTHORITY COMMON-NAME [EXTENSION]
signed() {
  key "$1"
  openssl req -new -key "$1.key" -subj "/CN=$3" ${4:+-addext "$4"} |
    openssl x509 -req -CA "$2.crt" -CAkey "$2.key" -days 36500 -copy_extensions copy -out "$1.crt"
}
authority ca
authority other-ca
signed n1 ca quorate subjectAltName=DNS:n1
signed n2 ca quorate subjectAltName=DNS:n2
signed cn ca n2
signed n3 ca quorate subjectAltName=DNS:n3
signed client ca client subjectAltName=DNS:client
signed other-n2 other-ca quorate subjectAltName=DNS:n2
rm ca.key other-ca.key
