/* tools/ticket_page.h - a ticket, and why it still waits, as pages for a person at a terminal.
 *
 * They take what a gateway answers (gateway/present_ticket.c, gateway/present_explain.c); what is
 * not there is left out, or shown as "-".  Times from now on are told in whole seconds, rounded up,
 * below a second in ms.  Pure but for the file, whose errors it keeps: ferror() tells. */
#ifndef MU_TOOLS_TICKET_PAGE_H
#define MU_TOOLS_TICKET_PAGE_H

#include <stdio.h>

#include "gateway/json.h"

/* Prints a ticket: state, queues, waits, players.
 *
 * node  of the ticket: the member "ticket" of the answer */
void mu_ticket_page_ticket(const struct mu_json *json, uint32_t node, FILE *file);

/* Prints why a ticket waits: in words, its limits, how many others pass what is asked, the nearest
 * miss, and what is asked less of next.
 *
 * node  the member "explanation" of the answer */
void mu_ticket_page_explanation(const struct mu_json *json, uint32_t node, FILE *file);

#endif /* MU_TOOLS_TICKET_PAGE_H */
