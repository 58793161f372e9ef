/* The kernels in C, where no Codon compiler is found: the same ABI as kernels.codon.
 *
 * Every function returns 0, or says why there is no result: 1 overflow, 2 division by zero, 3 outside the domain.
 * Results follow Python's rules (floored division, half-even rounding, code points). No state, no allocation that
 * outlives a call, no exception, and no signal but in hk_raw_division. Compile without -ffast-math and with -ffp-contract=off.
 */
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>

enum { DONE = 0, OVERFLOWED = 1, DIVIDED_BY_ZERO = 2, OUTSIDE_DOMAIN = 3 };

static int32_t checked(double value, double *out)
{
    *out = value;
    return isfinite(value) ? DONE : OVERFLOWED;
}

/* Sum with Neumaier's compensation. */
static double compensated(const double *values, int64_t n)
{
    double sum = 0.0, lost = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double next = sum + values[i];
        lost += fabs(sum) >= fabs(values[i]) ? (sum - next) + values[i] : (values[i] - next) + sum;
        sum = next;
    }
    return sum + lost;
}

int32_t hk_sum_i64(const int64_t *values, int64_t n, int64_t *out)
{
    __int128 sum = 0; /* of at most 2^63 values: cannot overflow */
    for (int64_t i = 0; i < n; i++)
        sum += values[i];
    if (sum > INT64_MAX || sum < INT64_MIN)
        return OVERFLOWED;
    *out = (int64_t)sum;
    return DONE;
}

int32_t hk_sum_f64(const double *values, int64_t n, double *out)
{
    return checked(compensated(values, n), out);
}

int32_t hk_moments(const double *values, int64_t n, double *mean, double *squares)
{
    double centre = compensated(values, n) / (double)n, sum = 0.0, rest = 0.0, lost = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double distance = values[i] - centre, square = distance * distance, next = sum + square;
        lost += sum >= square ? (sum - next) + square : (square - next) + sum;
        sum = next;
        rest += distance; /* what the rounding of the mean left over */
    }
    *mean = centre;
    sum = sum + lost - rest * rest / (double)n;
    if (!isfinite(centre) || !isfinite(sum))
        return OVERFLOWED;
    *squares = sum > 0.0 ? sum : 0.0;
    return DONE;
}

static int by_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int by_f64(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int32_t hk_sort_i64(int64_t *values, int64_t n)
{
    qsort(values, (size_t)n, sizeof *values, by_i64);
    return DONE;
}

int32_t hk_sort_f64(double *values, int64_t n)
{
    qsort(values, (size_t)n, sizeof *values, by_f64);
    return DONE;
}

int32_t hk_floordiv_i64(int64_t a, int64_t b, int64_t *out)
{
    if (b == 0)
        return DIVIDED_BY_ZERO;
    if (a == INT64_MIN && b == -1)
        return OVERFLOWED; /* the processor would raise SIGFPE */
    *out = a / b - (a % b != 0 && (a < 0) != (b < 0));
    return DONE;
}

/* The processor's division as it is, for a planted defect: by 0, and of the smallest integer by -1, it raises
 * SIGFPE on x86-64; where the processor does not (arm64), it is raised here, so that the defect is the same everywhere. */
int32_t hk_raw_division(int64_t a, int64_t b, int64_t *out)
{
    volatile int64_t divisor = b;
    *out = a / divisor;
    if (divisor == 0 || (a == INT64_MIN && divisor == -1))
        raise(SIGFPE);
    return DONE;
}

int32_t hk_mod_i64(int64_t a, int64_t b, int64_t *out)
{
    if (b == 0)
        return DIVIDED_BY_ZERO;
    int64_t rest = b == -1 ? 0 : a % b;
    *out = rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    return DONE;
}

int32_t hk_pow_i64(int64_t base, int64_t exponent, int64_t *out)
{
    if (exponent < 0)
        return OUTSIDE_DOMAIN;
    int64_t result = 1;
    while (exponent > 0) {
        if ((exponent & 1) && __builtin_mul_overflow(result, base, &result))
            return OVERFLOWED;
        exponent >>= 1;
        if (exponent > 0 && __builtin_mul_overflow(base, base, &base))
            return OVERFLOWED;
    }
    *out = result;
    return DONE;
}

/* Remainder with the divisor's sign, and the quotient that belongs to it. */
static double floored(double a, double b, double *rest)
{
    double left = fmod(a, b), quotient = (a - left) / b;
    if (left != 0.0 && (left < 0.0) != (b < 0.0)) {
        left += b;
        quotient -= 1.0;
    } else if (left == 0.0) {
        left = copysign(0.0, b);
    }
    *rest = left;
    if (quotient == 0.0)
        return copysign(0.0, a / b);
    double whole = floor(quotient);
    return quotient - whole > 0.5 ? whole + 1.0 : whole;
}

int32_t hk_floordiv_f64(double a, double b, double *out)
{
    double rest;
    if (b == 0.0)
        return DIVIDED_BY_ZERO;
    return checked(floored(a, b, &rest), out);
}

int32_t hk_mod_f64(double a, double b, double *out)
{
    double rest;
    if (b == 0.0)
        return DIVIDED_BY_ZERO;
    floored(a, b, &rest);
    return checked(rest, out);
}

int32_t hk_pow_f64(double a, double b, double *out)
{
    if (a == 0.0 && b < 0.0)
        return DIVIDED_BY_ZERO;
    if (a < 0.0 && b != floor(b))
        return OUTSIDE_DOMAIN; /* the result would be complex */
    return checked(pow(a, b), out);
}

/* The exact binary value rounded to decimal digits (0 to 15), ties to even, as Python's round() does it.
 *
 * 10^digits is exact, so value * 10^digits is exactly `high + low` by a fused multiplication; the tie is decided on
 * that sum, and the division at the end is correctly rounded. From 2^53 on, doubles lie further apart than the step. */
int32_t hk_round_f64(double value, double digits, double *out)
{
    double scale = 1.0;
    for (int i = 0; i < (int)digits; i++)
        scale *= 10.0;
    double high = value * scale;
    if (!(fabs(high) < 9007199254740992.0))
        return checked(value, out);
    double low = fma(value, scale, -high), whole = floor(high), part = high - whole;
    if (part > 0.5 || (part == 0.5 && (low > 0.0 || (low == 0.0 && fmod(whole, 2.0) != 0.0))))
        whole += 1.0;
    return checked(copysign(whole / scale, value), out);
}

int32_t hk_text_length(const uint8_t *text, int64_t n, int64_t *out)
{
    int64_t points = 0;
    for (int64_t i = 0; i < n; i++)
        points += (text[i] & 0xC0) != 0x80; /* UTF-8: all but continuation bytes */
    *out = points;
    return DONE;
}

int32_t hk_zscores(const double *values, int64_t n, double *out)
{
    double mean, squares;
    int32_t status = hk_moments(values, n, &mean, &squares);
    if (status != DONE)
        return status;
    double deviation = sqrt(squares / (double)n);
    for (int64_t i = 0; i < n; i++)
        out[i] = deviation > 0.0 ? (values[i] - mean) / deviation : 0.0;
    return DONE;
}

int32_t hk_ewma_scores(const double *values, int64_t n, double alpha, double *out)
{
    double mean = values[0], variance = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double distance = values[i] - mean, step = alpha * distance;
        out[i] = variance > 0.0 ? distance / sqrt(variance) : 0.0;
        mean += step;
        variance = (1.0 - alpha) * (variance + distance * step);
    }
    return DONE;
}

/* Sum of the first n numbers of a linear congruential sequence: work that no compiler can shorten. n is at most 2^31. */
int32_t hk_lcg_sum(int64_t n, int64_t seed, int64_t *out)
{
    int64_t state = seed & 0x7FFFFFFF, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF;
        sum += state;
    }
    *out = sum;
    return DONE;
}

int32_t hk_percentile(const double *ordered, int64_t n, double rank, double *out)
{
    int64_t position = (int64_t)ceil(rank / 100.0 * (double)n);
    *out = ordered[position < 1 ? 0 : position - 1];
    return DONE;
}

int32_t hk_counter_increase(const double *values, int64_t n, double *out)
{
    double sum = 0.0, lost = 0.0;
    for (int64_t i = 1; i < n; i++) {
        double rise = values[i] >= values[i - 1] ? values[i] - values[i - 1] : values[i];
        double next = sum + rise;
        lost += sum >= rise ? (sum - next) + rise : (rise - next) + sum;
        sum = next;
    }
    return checked(sum + lost, out);
}
