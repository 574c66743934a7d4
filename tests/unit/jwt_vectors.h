/* tests/unit/jwt_vectors.h - keys and signatures made by another implementation (the package
 * cryptography of Python), as base64url.  The private halves were thrown away. */
#ifndef MU_TESTS_UNIT_JWT_VECTORS_H
#define MU_TESTS_UNIT_JWT_VECTORS_H

/* What is signed. */
#define JWT_TEXT "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ"

/* A secret of 40 bytes, and its HMAC-SHA256. */
#define JWT_SECRET "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKA"
#define JWT_HS256  "DMgbQistV151jfEQXwMrYG8OTxf8LENdFrLdogjmOrg"

/* RSA of 2048 bits, and RSASSA-PKCS1-v1_5 with SHA-256; a modulus of 1024 bits. */
#define JWT_RSA_N                                                                                  \
    "v1Df0YEDfQZ4xtdIU1RUUE2pW1xLKDRSmy7wH8m1-zl1Vn5dqbURvYubdIrFU2gzfix5XO"                       \
    "8u9DYXWlq21rDicxJjr28odTBX7KMC0OdHW604vRW7UPrmeBksuZz-GnQU31_f5sxutuJf"                       \
    "KB9jFTPNukxwKp_LdtEeRhy-c2Nexkcw5_NaLj0p7RGR3I_ITy9lOPIWFOdbkBQ9PQSFDd"                       \
    "tV9xRfvVjaSBf6pgmKu0TNfCL_TPrLUXf-ifydwe8reC8ZjeWL6mn6iv3dOO47sy6FITfE"                       \
    "W5tgJEyT7yC5hHUxEyJeXjSz3wNriYAIaylhunqki07NeYHqIswqal23M_B9AQ"
#define JWT_RS256                                                                                  \
    "WWrB4PxqLU9_6wAmCXrWI5nB_bsXI9deGG9f1kfq5IpIX315SGrB_lc6aHke6qcp2GxfTY"                       \
    "W7FOv1INEzmQIzYezMe_NE45Z6izEF-z5U584KbP-Ji8Ep-YcFKTfHSe7uTXiu2OfglOGb"                       \
    "F1zmfSiBjur_JhefBC35ySXPBnkOqrNp9ZmUF2K7H2vrgyqihevO6dteUx2RBNJPBKMxmD"                       \
    "WbSmu8gLTKTXBPege8Ok5vSELIG8Ow_ucQSFBgg7BvjTQSo2eFQcLVJVXv7tbmRp6ewoSp"                       \
    "Bu-iJ7AB0Qyb1GwYDGYF3KTYyjpqTSFKDvHUGmTIqRHGTvJ4MLH09ruC41mk5g"
#define JWT_RSA_SMALL_N                                                                            \
    "s0gHPTqT5MLx31MNS2qENust56U6zy3LZtXMHeFk0teCX1C9BzsCFgjcrlr7zCMI7K8tze"                       \
    "tMp8l5P0f07dJxACl2WNZPtHYBR847R8Bpr3C-3FYcXoN4PpA-IJhs-aaymYCEUgRKrTXZ"                       \
    "epEn32rQOMFpD5l9NqqPskQls7h0owk"

/* A point on P-256, and ECDSA with SHA-256: as JWS has it (r and s), and the same in DER. */
#define JWT_EC_X "5D_tBkez0BXL16VqxQXb8vTE8Now1mt00umdt9cjGpo"
#define JWT_EC_Y "pdZQa9WUMPEuoXyv2DzWoYk4brdwBarMQDwmL8GHWxY"
#define JWT_ES256                                                                                  \
    "gPZvOFC6F7jWq30X1Zl8eSaG3OLibhxtXXM3ktFQvwk5r5qKN94wxXlAKYz9NZM7MjCgMQ"                       \
    "alIrA2g6zO4fX-Fw"
#define JWT_ES256_DER                                                                              \
    "MEUCIQCA9m84ULoXuNarfRfVmXx5Jobc4uJuHG1dczeS0VC_CQIgOa-aijfeMMV5QCmM_T"                       \
    "WTOzIwoDEGpSKwNoOszuH1_hc"

#endif /* MU_TESTS_UNIT_JWT_VECTORS_H */
