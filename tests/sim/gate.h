/* tests/sim/gate.h - gateway nodes as their clients meet them. */
#ifndef MU_TESTS_SIM_GATE_H
#define MU_TESTS_SIM_GATE_H

#include "client.h"

/* A gateway node at random, up or not. */
uint32_t gate_pick(struct sim *sim);
const char *gate_method(enum mu_http_method method);

/* From the clients: a request, a new socket (false: refused), a text, the end of a socket. */
void gate_request(struct sim *sim, struct node *node, const struct ask *ask);
bool gate_socket_open(struct sim *sim, struct node *node, uint64_t socket);
void gate_socket_text(struct sim *sim, struct node *node, uint64_t socket, const char *text,
                      size_t text_bytes);
void gate_socket_closed(struct sim *sim, struct node *node, uint64_t socket);

/* To the clients (client.c). */
void client_reply(struct sim *sim, uint64_t id, const struct mu_http_reply *reply);
void client_hear(struct sim *sim, uint64_t socket, const char *text, size_t text_bytes);
void client_cut(struct sim *sim, uint32_t index, uint64_t socket);

#endif /* MU_TESTS_SIM_GATE_H */
