#include "tools/score.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOWOUT  0.3  /* imbalance of a match that is lost from the start: the favourite has 65 % */
#define EARLY_S  1e-6 /* rounding of times that is no error */
#define TOP_PART 20   /* the highest rated: one in so many */

/* Values that are collected, then sorted. */
struct list {
    double *values; /* [capacity] */
    uint32_t count;
    uint32_t capacity;
};

struct rated {
    double rating;
    double wait_s;
};

/* Everything of one mode while it is counted. */
struct tally {
    struct mu_score_mode *mode;
    struct list waits;      /* by player */
    struct list imbalances; /* by matched player */
    struct list rtts;       /* by matched player */
    struct list spreads;    /* by matched player */
    struct rated *rated;    /* [tickets] */
    uint32_t rated_count;
    double spread_sum;
    double fill_sum;
    uint32_t blowouts;
};

struct judge {
    const struct mu_workload *workload;
    const struct mu_outcome_list *outcome;
    struct mu_score *score;
    struct tally tallies[MU_MODES_MAX];
    bool *used; /* [tickets] */
};

double mu_score_latency(const struct mu_workload *workload, double rtt_ms)
{
    double range = workload->latency_bad_ms - workload->latency_good_ms;
    double quality = (workload->latency_bad_ms - rtt_ms) / range;
    return quality < 0 ? 0 : quality > 1 ? 1 : quality;
}

/* Of the standard normal distribution. */
static double phi(double x)
{
    return 0.5 * erfc(-x / sqrt(2.0));
}

void mu_score_evaluate(const struct mu_workload *workload, const struct mu_outcome_list *outcome,
                       const struct mu_outcome_match *match, struct mu_score_match *ret)
{
    double sums[MU_TEAMS_MAX] = { 0 };
    uint32_t counts[MU_TEAMS_MAX] = { 0 };
    double sum = 0;
    double squares = 0;
    uint32_t players = 0;
    assert(match->teams_count <= MU_TEAMS_MAX);
    for (uint32_t pass = 0; pass < 2; pass++) {
        /* First the mean, then the deviations from it: sums of squares would lose digits. */
        double mean = pass == 0 ? 0 : sum / players;
        for (uint32_t i = 0; i < match->seats_count; i++) {
            const struct mu_outcome_seat *seat = &outcome->seats[match->seats + i];
            const struct mu_workload_ticket *ticket = &workload->tickets[seat->ticket];
            double bonus = mu_workload_bonus(workload, ticket->players_count);
            for (uint32_t k = 0; k < seat->players; k++) {
                double rating = workload->players[ticket->players + seat->first + k].rating + bonus;
                sums[seat->team] += pass == 0 ? rating : 0;
                counts[seat->team] += pass == 0 ? 1 : 0;
                players += pass == 0 ? 1 : 0;
                sum += pass == 0 ? rating : 0;
                squares += pass == 0 ? 0 : (rating - mean) * (rating - mean);
            }
        }
    }
    double uneven = 0;
    for (uint32_t i = 0; i < match->teams_count; i++) {
        assert(counts[i] > 0);
        for (uint32_t k = i + 1; k < match->teams_count; k++) {
            double scale = workload->beta * sqrt((double)(counts[i] + counts[k]));
            uneven += fabs(2 * phi((sums[i] - sums[k]) / scale) - 1);
        }
    }
    double pairs = 0.5 * match->teams_count * (match->teams_count - 1.0);
    *ret = (struct mu_score_match){
        .imbalance = pairs > 0 ? uneven / pairs : 0,
        .spread = sqrt(squares / players),
        .fill = (double)players / workload->modes[match->mode].players_max,
        .players = players,
    };
}

static void push(struct list *list, double value, uint32_t times)
{
    assert(list->count + times <= list->capacity);
    for (uint32_t i = 0; i < times; i++) {
        list->values[list->count++] = value;
    }
}

static int by_value(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return *x < *y ? -1 : *x > *y;
}

static int by_rating(const void *a, const void *b)
{
    const struct rated *x = a;
    const struct rated *y = b;
    if (x->rating < y->rating || x->rating > y->rating) {
        return x->rating < y->rating ? -1 : 1;
    }
    return x->wait_s < y->wait_s ? -1 : x->wait_s > y->wait_s;
}

/* Nearest rank in a sorted list; 0 when it is empty. */
static double quantile(const struct list *list, double share)
{
    double rank = ceil(share * list->count) - 1;
    if (list->count == 0) {
        return 0;
    }
    rank = rank < 0 ? 0 : rank;
    uint32_t index = (uint32_t)rank;
    return list->values[index < list->count ? index : list->count - 1];
}

static double mean(const struct list *list)
{
    double sum = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        sum += list->values[i];
    }
    return list->count == 0 ? 0 : sum / list->count;
}

static void refuse(struct judge *judge, const struct mu_outcome_match *match, const char *what,
                   const char *id)
{
    struct mu_score *score = judge->score;
    if (score->errors < MU_SCORE_ERRORS_SHOWN) {
        (void)snprintf(score->error_texts[score->errors], sizeof score->error_texts[0],
                       "match at %.3f s: %s%s", match->at_s, what, id);
    }
    score->errors++;
}

/* Whether the ticket of a seat could be in the match. */
static bool seat_holds(struct judge *judge, const struct mu_outcome_match *match,
                       const struct mu_outcome_seat *seat)
{
    if (seat->ticket >= judge->workload->tickets_count ||
        judge->workload->tickets[seat->ticket].mode != match->mode) {
        refuse(judge, match, "unknown ticket", "");
        return false;
    }
    const struct mu_workload_ticket *ticket = &judge->workload->tickets[seat->ticket];
    if (judge->used[seat->ticket]) {
        refuse(judge, match, "used twice: ticket ", ticket->id);
        return false;
    }
    if (match->at_s < ticket->at_s - EARLY_S ||
        match->at_s > ticket->at_s + ticket->patience_s + EARLY_S) {
        refuse(judge, match, "not waiting: ticket ", ticket->id);
        return false;
    }
    if (match->region >= judge->workload->regions_count ||
        isinf(mu_workload_rtt(judge->workload, seat->ticket)[match->region])) {
        refuse(judge, match, "not in that region: ticket ", ticket->id);
        return false;
    }
    return true;
}

/* Whether the players of each ticket are in the match once: its seats hold all of them. */
static bool tickets_whole(const struct judge *judge, const struct mu_outcome_match *match)
{
    const struct mu_outcome_seat *seats = judge->outcome->seats + match->seats;
    for (uint32_t i = 0; i < match->seats_count; i++) {
        uint32_t players = 0;
        for (uint32_t k = 0; k < match->seats_count; k++) {
            players += seats[k].ticket == seats[i].ticket ? seats[k].players : 0;
        }
        if (players != judge->workload->tickets[seats[i].ticket].players_count) {
            return false;
        }
    }
    return true;
}

static bool match_holds(struct judge *judge, const struct mu_outcome_match *match)
{
    const struct mu_workload_mode *mode = &judge->workload->modes[match->mode];
    uint32_t counts[MU_TEAMS_MAX] = { 0 };
    uint32_t players = 0;
    if (match->teams_count < mode->teams_min || match->teams_count > mode->teams ||
        match->teams_count > MU_TEAMS_MAX) {
        refuse(judge, match, "number of teams", "");
        return false;
    }
    for (uint32_t i = 0; i < match->seats_count; i++) {
        const struct mu_outcome_seat *seat = &judge->outcome->seats[match->seats + i];
        if (!seat_holds(judge, match, seat)) {
            return false;
        }
        counts[seat->team] += seat->players;
        players += seat->players;
    }
    for (uint32_t i = 0; i < match->teams_count; i++) {
        if (counts[i] < mode->team_min || counts[i] > mode->team_max || counts[i] == 0) {
            refuse(judge, match, "size of a team", "");
            return false;
        }
    }
    if (players > mode->players_max) {
        refuse(judge, match, "number of players", "");
        return false;
    }
    if (!tickets_whole(judge, match)) {
        refuse(judge, match, "a ticket is there twice, or in part", "");
        return false;
    }
    return true;
}

/* Counts a ticket that is in a match, for the part of it that has this seat. */
static void count_seat(struct judge *judge, const struct mu_outcome_match *match,
                       const struct mu_outcome_seat *seat, const struct mu_score_match *found)
{
    const struct mu_workload *workload = judge->workload;
    const struct mu_workload_mode *mode = &workload->modes[match->mode];
    const struct mu_workload_ticket *ticket = &workload->tickets[seat->ticket];
    const double *rtts = mu_workload_rtt(workload, seat->ticket);
    struct tally *tally = &judge->tallies[match->mode];
    struct mu_score_mode *sums = tally->mode;
    uint32_t n = seat->players;
    double wait_s = match->at_s - ticket->at_s;
    double rtt_ms = rtts[match->region];
    double fairness = 1 - mode->imbalance_weight * found->imbalance;
    double ratio = found->spread / mode->spread;
    double closeness = 1 / (1 + ratio * ratio);
    double latency = mu_score_latency(workload, rtt_ms);
    double promptness = wait_s < mode->wait_s ? 1 - wait_s / mode->wait_s : 0;
    double best_ms = INFINITY;
    for (uint32_t i = 0; i < workload->regions_count; i++) {
        best_ms = rtts[i] < best_ms ? rtts[i] : best_ms;
    }
    sums->points += n * fairness * closeness * latency * promptness * found->fill;
    sums->matched += n;
    sums->fairness += n * fairness;
    sums->closeness += n * closeness;
    sums->latency += n * latency;
    sums->promptness += n * promptness;
    sums->rtt_excess += n * (rtt_ms - best_ms);
    push(&tally->waits, wait_s, n);
    push(&tally->imbalances, found->imbalance, n);
    push(&tally->rtts, rtt_ms, n);
    push(&tally->spreads, found->spread, n);
    if (seat->first == 0) {
        judge->used[seat->ticket] = true;
        tally->rated[tally->rated_count++].wait_s = wait_s;
        double sum = 0;
        for (uint32_t i = 0; i < ticket->players_count; i++) {
            sum += workload->players[ticket->players + i].rating;
        }
        tally->rated[tally->rated_count - 1].rating = sum / ticket->players_count;
    }
}

static void count_match(struct judge *judge, const struct mu_outcome_match *match)
{
    struct mu_score_match found;
    struct tally *tally = &judge->tallies[match->mode];
    if (!match_holds(judge, match)) {
        return;
    }
    mu_score_evaluate(judge->workload, judge->outcome, match, &found);
    tally->spread_sum += found.spread;
    tally->fill_sum += found.fill;
    tally->blowouts += found.imbalance > BLOWOUT ? 1 : 0;
    tally->mode->matches++;
    for (uint32_t i = 0; i < match->seats_count; i++) {
        count_seat(judge, match, &judge->outcome->seats[match->seats + i], &found);
    }
}

static void count_left(struct judge *judge, uint32_t index)
{
    const struct mu_workload_ticket *ticket = &judge->workload->tickets[index];
    struct tally *tally = &judge->tallies[ticket->mode];
    double sum = 0;
    assert(tally->rated != NULL);
    for (uint32_t i = 0; i < ticket->players_count; i++) {
        sum += judge->workload->players[ticket->players + i].rating;
    }
    push(&tally->waits, ticket->patience_s, ticket->players_count);
    tally->rated[tally->rated_count++] = (struct rated){
        .rating = sum / ticket->players_count,
        .wait_s = ticket->patience_s,
    };
}

static void curve(const struct list *list, double ret[MU_SCORE_CURVE])
{
    for (uint32_t i = 0; i < MU_SCORE_CURVE; i++) {
        ret[i] = quantile(list, (double)i / (MU_SCORE_CURVE - 1));
    }
}

/* Sums become means. */
static void finish_mode(struct tally *tally)
{
    struct mu_score_mode *mode = tally->mode;
    double matched = mode->matched == 0 ? 1 : mode->matched;
    double matches = mode->matches == 0 ? 1 : mode->matches;
    uint32_t top = tally->rated_count / TOP_PART < 1 ? 1 : tally->rated_count / TOP_PART;
    struct list *lists[] = { &tally->waits, &tally->imbalances, &tally->rtts, &tally->spreads };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        qsort(lists[i]->values, lists[i]->count, sizeof lists[i]->values[0], by_value);
    }
    qsort(tally->rated, tally->rated_count, sizeof tally->rated[0], by_rating);
    for (uint32_t i = tally->rated_count - top; i < tally->rated_count; i++) {
        mode->top_wait += tally->rated[i].wait_s / top;
    }
    mode->score = 100 * mode->points / mode->players;
    mode->wait_mean = mean(&tally->waits);
    mode->wait_p50 = quantile(&tally->waits, 0.5);
    mode->wait_p90 = quantile(&tally->waits, 0.9);
    mode->wait_p95 = quantile(&tally->waits, 0.95);
    mode->wait_p99 = quantile(&tally->waits, 0.99);
    mode->imbalance_mean = mean(&tally->imbalances);
    mode->imbalance_p95 = quantile(&tally->imbalances, 0.95);
    mode->blowouts = tally->blowouts / matches;
    mode->spread_mean = tally->spread_sum / matches;
    mode->rtt_mean = mean(&tally->rtts);
    mode->rtt_p95 = quantile(&tally->rtts, 0.95);
    mode->rtt_excess /= matched;
    mode->fill = tally->fill_sum / matches;
    mode->fairness /= matched;
    mode->closeness /= matched;
    mode->latency /= matched;
    mode->promptness /= matched;
    curve(&tally->waits, mode->wait_curve);
    curve(&tally->imbalances, mode->imbalance_curve);
    curve(&tally->spreads, mode->spread_curve);
    curve(&tally->rtts, mode->rtt_curve);
}

static void finish(struct mu_score *score, uint32_t modes_count)
{
    double points = 0;
    double players = 0;
    double matched = 0;
    double sum = 0;
    uint32_t played = 0;
    for (uint32_t i = 0; i < modes_count; i++) {
        const struct mu_score_mode *mode = &score->modes[i];
        points += mode->points;
        players += mode->players;
        matched += mode->matched;
        sum += mode->score;
        played += mode->players > 0 ? 1 : 0;
    }
    if (played > 0) {
        score->score = 100 * points / players;
        score->unmatched = 1 - matched / players;
        score->modes_mean = sum / played;
    }
}

static bool make_list(struct list *list, uint32_t capacity)
{
    list->values = malloc(((size_t)capacity + 1) * sizeof list->values[0]);
    list->capacity = capacity;
    return list->values != NULL;
}

/* Counts the tickets of each mode and makes room for what will be known of them. */
static int begin(struct judge *judge, uint32_t modes)
{
    const struct mu_workload *workload = judge->workload;
    int r = 0;
    judge->used = calloc((size_t)workload->tickets_count + 1, sizeof judge->used[0]);
    for (uint32_t i = 0; i < workload->tickets_count; i++) {
        struct mu_score_mode *mode = &judge->score->modes[workload->tickets[i].mode];
        if ((modes >> workload->tickets[i].mode & 1) != 0) {
            mode->tickets++;
            mode->players += workload->tickets[i].players_count;
        }
    }
    for (uint32_t i = 0; i < workload->modes_count; i++) {
        struct tally *tally = &judge->tallies[i];
        tally->mode = &judge->score->modes[i];
        tally->rated = calloc((size_t)tally->mode->tickets + 1, sizeof tally->rated[0]);
        if (!make_list(&tally->waits, tally->mode->players) ||
            !make_list(&tally->imbalances, tally->mode->players) ||
            !make_list(&tally->rtts, tally->mode->players) ||
            !make_list(&tally->spreads, tally->mode->players) || tally->rated == NULL) {
            r = -ENOMEM;
        }
    }
    return judge->used == NULL ? -ENOMEM : r;
}

static void end(struct judge *judge)
{
    for (uint32_t i = 0; i < MU_MODES_MAX; i++) {
        free(judge->tallies[i].waits.values);
        free(judge->tallies[i].imbalances.values);
        free(judge->tallies[i].rtts.values);
        free(judge->tallies[i].spreads.values);
        free(judge->tallies[i].rated);
    }
    free(judge->used);
}

/* Judges all matches, then counts who is in none. */
static void run(struct judge *judge, uint32_t modes)
{
    for (uint32_t i = 0; i < judge->outcome->matches_count; i++) {
        const struct mu_outcome_match *match = &judge->outcome->matches[i];
        if (match->mode >= judge->workload->modes_count) {
            refuse(judge, match, "unknown mode", "");
        } else if ((modes >> match->mode & 1) != 0) {
            count_match(judge, match);
        }
    }
    for (uint32_t i = 0; i < judge->workload->tickets_count; i++) {
        if ((modes >> judge->workload->tickets[i].mode & 1) != 0 && !judge->used[i]) {
            count_left(judge, i);
        }
    }
}

int mu_score(const struct mu_workload *workload, const struct mu_outcome_list *outcome,
             uint32_t modes, struct mu_score *ret)
{
    struct judge judge = { .workload = workload, .outcome = outcome, .score = ret };
    *ret = (struct mu_score){ .errors = 0 };
    int r = begin(&judge, modes);
    if (r == 0) {
        run(&judge, modes);
        for (uint32_t i = 0; i < workload->modes_count; i++) {
            if (ret->modes[i].players > 0) {
                finish_mode(&judge.tallies[i]);
            }
        }
        finish(ret, workload->modes_count);
    }
    end(&judge);
    return r;
}
